DROP TABLE admin_debug_logs, agents;

DROP TABLE security_mails;

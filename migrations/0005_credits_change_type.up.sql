-- Video generation has a cost of its own. The value is not used in this transaction, as PostgreSQL asks.

ALTER TYPE credits_change_type ADD VALUE IF NOT EXISTS 'video_generation_cost';

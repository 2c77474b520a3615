DROP TABLE channel_models, channels, llm_models;

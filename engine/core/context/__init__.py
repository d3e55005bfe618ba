"""What a model gets to see: selected from the log by priority and relevance, within a budget of tokens. Pure."""

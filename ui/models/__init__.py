"""Pure view models: from what the engine recorded to what a page shows."""

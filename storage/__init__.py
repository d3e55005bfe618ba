"""SQLModel tables and the stores behind `engine.ports`. All SQL lives here."""

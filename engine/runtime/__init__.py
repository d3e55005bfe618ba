"""The imperative shell: asyncio only. Performs what the core decides and reports what came of it."""

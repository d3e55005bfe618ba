"""A small HTTP world to practise on, with its own ledger and faults."""

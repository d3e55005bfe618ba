"""The ten codes of the checker, one module each; its docstring says what exactly violates it."""

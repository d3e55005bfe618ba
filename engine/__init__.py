"""The saga engine: pure core, runtime, step kinds. Knows neither the database nor the pages."""

"""Pages: each reads as a script - get data, build a view model, draw."""

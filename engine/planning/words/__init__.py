"""From a problem in words to a checked saga: a model answers narrow questions, code puts the answers together and checks them."""

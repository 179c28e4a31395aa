"""Models of the prior itself, trained through the Lax-Oleinik minimisation."""

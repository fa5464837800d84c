"""Running the body of a dynamic workflow: what its calls mean, what they give, and how it ends."""

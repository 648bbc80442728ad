"""Dense deformable registration: a discrete search with convex coupling, then continuous refinement."""

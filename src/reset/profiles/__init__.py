"""A whole params.yaml, as profiles/ has them: one class, one check, and a schema for editors."""

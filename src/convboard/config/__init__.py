"""What a run is made of: the schema, its composition by Hydra, and the calls that `_target_` nodes stand for."""

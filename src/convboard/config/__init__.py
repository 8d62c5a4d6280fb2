"""The config of a run: its schema, its composition by Hydra, and the instantiation of its `_target_` nodes."""

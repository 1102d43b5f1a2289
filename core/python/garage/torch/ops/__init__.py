"""The ops, one file each: a blueprint's struct and the module that computes it. `module_factory` is the one list."""

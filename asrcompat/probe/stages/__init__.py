"""The ladder's stages, one module each: ``run(cell)`` makes the stage's checks, in order."""

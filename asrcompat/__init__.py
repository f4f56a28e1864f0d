"""asrcompat: which S3PRL, ESPnet, torch and Transformers versions load and train CLSRIL-23."""

__version__ = "0.1.0"

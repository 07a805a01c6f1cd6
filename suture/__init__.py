"""Shows, measures and closes the modality gap in radiology image/report embeddings."""

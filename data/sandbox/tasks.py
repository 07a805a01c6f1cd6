"""The tasks that a child can run: name -> module and function, `(request, send)`."""

TASKS = {
    "describe": "suture.data.intake.reading:describe",
    "studies": "suture.data.intake.reading:read",
    "probe": "suture.data.sandbox.probe:probe",
    "vectors": "suture.data.vectors.reading:task",
    "vectors_torch": "suture.data.vectors.torch_file:task",
    "weights_archive": "suture.data.weights.archive:task",
    "weights_safetensors": "suture.data.weights.safetensors_file:task",
    "weights_torch": "suture.data.weights.torch_file:task",
}

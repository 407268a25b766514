"""The shapes of published models, for forecasts before a model is there."""

from reset.training.model_size import Size


def decoder(
    vocabulary: int,
    width: int,
    layers: int,
    heads: int,
    kv_heads: int,
    inner: int,
    *,
    head: int | None = None,
    tied: bool = False,
    normed_heads: bool = False,
    lora_rank: int | None = None,
    kind: str = "llama",
) -> Size:
    """The shape of a model built like Llama: no biases, three matrices in the MLP, two norms a
    layer.

    `head` is the width of one head where it is not width / heads; `normed_heads` says that queries
    and keys have norms (Qwen3). Under `lora_rank` adapters alone are trained.
    """
    head = head or width // heads
    queries, keys = head * heads, head * kv_heads
    matrices = [
        (width, queries), (width, keys), (width, keys), (queries, width),
        (width, inner), (width, inner), (inner, width),
    ]  # fmt: skip
    of_layer = sum(rows * columns for rows, columns in matrices) + 2 * width
    if normed_heads:
        of_layer += 2 * head
    embedding = vocabulary * width
    parameters = layers * of_layer + embedding + width
    if not tied:
        parameters += embedding
    trained = parameters
    if lora_rank:
        trained = layers * sum(lora_rank * (rows + columns) for rows, columns in matrices)
    return Size(
        parameters=parameters,
        trained=trained,
        looked_up=0 if tied else embedding,
        layers=layers,
        width=width,
        heads=heads,
        vocabulary=vocabulary,
        queries=queries,
        keys=keys,
        inner=inner,
        normed=2 * width + (queries + keys if normed_heads else 0),
        kind=kind,
    )


def llama_7b() -> Size:
    """LLaMA-7B and Vicuna-7B, of their config.json."""
    return decoder(32000, 4096, 32, 32, 32, 11008)


def qwen3(name: str, lora_rank: int) -> Size:
    """Qwen3-1.7B or Qwen3-4B under adapters, of their config.json."""
    shape = {
        "Qwen/Qwen3-1.7B": (151936, 2048, 28, 16, 8, 6144),
        "Qwen/Qwen3-4B": (151936, 2560, 36, 32, 8, 9728),
    }[name]
    return decoder(
        *shape, head=128, tied=True, normed_heads=True, lora_rank=lora_rank, kind="qwen3"
    )

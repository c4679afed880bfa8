"""Files in and out: formats by suffix, sniffing, whole writes."""

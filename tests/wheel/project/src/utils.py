def get_metric_value(metrics, name):
    return metrics[name].item() if name else None

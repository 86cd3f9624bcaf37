import time

import hydra


@hydra.main(version_base="1.3", config_path=".", config_name="app")
def main(cfg):
    time.sleep(cfg.seconds)
    return (cfg.x - 0.5) ** 2


if __name__ == "__main__":
    main()

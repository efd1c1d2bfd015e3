"""What a broker must be like, looked at when a process starts."""

import logging

import redis

from worker.errors import ConfigurationError

logger = logging.getLogger(__name__)

_ANSWER_SECONDS = 5.0


def check_broker(url: str) -> None:
    """Look whether a broker is one that workers can share, and does not throw messages away.

    It is no error that it does not answer: it may be starting, too, and workers wait for it.

    Raises:
        ConfigurationError: It cannot be used; the message says what to do.
    """
    if not url.startswith(("redis://", "rediss://")):
        raise ConfigurationError(
            "BROKER_URL names no Redis, and a worker of its own would hear nobody: set it to redis://…, or run"
            " `callfirst up`, which needs none"
        )
    client = redis.Redis.from_url(url, socket_timeout=_ANSWER_SECONDS, socket_connect_timeout=_ANSWER_SECONDS)
    try:
        client.ping()
    except redis.RedisError as error:
        logger.error(
            "Redis does not answer (%s): start it, or correct BROKER_URL, or run `callfirst up`, which needs none;"
            " until then nothing is rung for",
            type(error).__name__,
        )
        return
    try:
        policy, limit = client.config_get("maxmemory-policy"), client.config_get("maxmemory")
        saves, appends = client.config_get("save"), client.config_get("appendonly")
    except redis.RedisError:
        logger.warning("Redis does not tell its configuration: make sure of `maxmemory-policy noeviction`")
        return
    finally:
        client.close()
    if policy.get("maxmemory-policy") != "noeviction" and limit.get("maxmemory") != "0":
        raise ConfigurationError(
            f"Redis throws messages away when its memory is full (maxmemory-policy {policy.get('maxmemory-policy')}):"
            " set `maxmemory-policy noeviction`"
        )
    if appends.get("appendonly") != "yes" and not saves.get("save"):
        logger.warning("Redis keeps nothing over a restart (appendonly no): what it loses, the sweeper rings for again")

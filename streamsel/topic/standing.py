"""Whether a member with a name still is who the group knows by that name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kafka.errors import KafkaError  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from streamsel.topic.connection import Connection

__all__ = ["replaced"]


def replaced(connection: Connection, group: str, instance: str, member: str) -> bool:
    """Whether the group knows another member by this instance name; not, where the group cannot be asked.

    The member itself may not hear of it for long, and is fenced as a producer first, which may as well be the last
    deed of a predecessor (kafka-python 3.0.12): so the group is asked.
    """
    try:
        admin = connection.admin()
        try:
            members = admin.describe_groups([group])[group]["members"]
        finally:
            admin.close()
    except (KafkaError, OSError, RuntimeError):
        return False
    known = {one["member_id"] for one in members if one["group_instance_id"] == instance}
    return bool(known) and member not in known

"""Coroutines side by side: each operation has its own bar and the right parent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import taskspan


async def pages(shop: str, count: int) -> AsyncIterator[str]:
    """Yield the pages of a shop as they arrive."""
    for number in range(count):
        await asyncio.sleep(0.01)
        yield f"{shop} page {number}"


@taskspan.operation("crawl shop")
async def crawl(shop: str, count: int) -> int:
    """Read all pages of one shop: an operation, with a loop inside."""
    found = 0
    async for page in taskspan.track(
        pages(shop, count), "read pages", total=count, unit="pages", description=shop
    ):
        found += len(page)
    return found


async def crawl_all() -> None:
    """Crawl three shops at once."""
    with taskspan.task("crawl", total_operations=3):
        sizes = await asyncio.gather(crawl("shoes", 90), crawl("hats", 60), crawl("gloves", 30))
    print("characters:", sizes)


if __name__ == "__main__":
    asyncio.run(crawl_all())

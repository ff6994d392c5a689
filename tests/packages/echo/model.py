"""Plain in and out: the text that came in."""

import logging

logger = logging.getLogger(__name__)


class Model:
    def request(self, data):
        print("echo of", len(data), "characters")
        logger.info("logged")
        return data

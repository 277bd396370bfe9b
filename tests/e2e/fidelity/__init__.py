# SPDX-License-Identifier: EUPL-1.2
"""What crosses between which clients: the features, the clients, and the table in docs/fidelity.md that is made of them."""

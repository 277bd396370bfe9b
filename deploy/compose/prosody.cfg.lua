-- SPDX-License-Identifier: EUPL-1.2
-- Prosody beside the gateway; the components follow from registration/prosody.cfg.lua.
admins = {}
modules_enabled = {
  "roster", "saslauth", "tls", "disco", "carbons", "pep", "blocklist", "vcard4", "vcard_legacy", "ping", "mam", "smacks", "offline",
}
authentication = "internal_hashed"
allow_registration = false
component_interfaces = { "*" }
log = { info = "*console" }
certificates = "/etc/prosody/certs"
VirtualHost "xmpp.example"
  disco_items = { { "matrix.gw.example", "Gateway" }, { "mail.gw.example", "Gateway" } }
Include "/etc/prosody/components.cfg.lua"

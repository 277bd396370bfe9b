-- SPDX-License-Identifier: EUPL-1.2
-- Prosody on loopback, with the gateway's component domains at the end. Names in at-signs are filled in.
run_as_root = true
daemonize = false
pidfile = "@STATE@/prosody/prosody.pid"
data_path = "@STATE@/prosody/data"
certificates = "@STATE@/tls"
admin_socket = "@STATE@/prosody/prosody.sock"
admins = { "admin@@NAME_XMPP@" }
interfaces = { "127.0.0.1" }
local_interfaces = { "127.0.0.1" }
c2s_interfaces = { "127.0.0.1" }
c2s_direct_tls_interfaces = { "127.0.0.1" }
component_interfaces = { "127.0.0.1" }
http_interfaces = { "127.0.0.1" }
c2s_ports = { @PORT_PROSODY_C2S@ }
c2s_direct_tls_ports = { @PORT_PROSODY_C2S_TLS@ }
component_ports = { @PORT_PROSODY_COMPONENT@ }
http_ports = { @PORT_PROSODY_HTTP@ }
https_ports = { }
http_external_url = "http://127.0.0.1:@PORT_PROSODY_HTTP@/"
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_plain"
storage = "internal"
archive_expires_after = "never"
ssl = { key = "@STATE@/tls/key.pem", certificate = "@STATE@/tls/cert.pem" }
log = { { levels = { min = "@LOG_LEVEL@" }, to = "file", filename = "@STATE@/prosody/prosody.log" } }
modules_enabled = {
  "roster", "saslauth", "tls", "disco", "carbons", "pep", "private", "blocklist",
  "vcard4", "vcard_legacy", "bookmarks", "version", "uptime", "time", "ping", "register",
  "mam", "csi_simple", "smacks", "websocket", "bosh", "http", "offline", "posix",
  "admin_socket", "admin_shell", "admin_adhoc", "lastactivity", "server_contact_info",
}
modules_disabled = { "s2s" }
allow_registration = false
component_stanza_size_limit = 1048576
c2s_stanza_size_limit = 1048576
smacks_hibernation_time = 30

VirtualHost "@NAME_XMPP@"
  -- so that clients find the gateway
  disco_items = {
    { "@NAME_COMPONENT_MATRIX@", "Matrix" },
    { "@NAME_COMPONENT_MAIL@", "Mail" },
  }

Component "@NAME_CONFERENCE@" "muc"
  name = "Rooms"
  modules_enabled = { "muc_mam", "vcard_muc", "muc_moderation" }
  restrict_room_creation = false
  muc_room_default_public = true
  muc_room_default_persistent = true
  muc_room_default_members_only = false
  muc_room_default_history_length = 20
  muc_room_locking = false
  muc_log_by_default = true
  muc_tombstones = true

Component "@NAME_UPLOAD@" "http_file_share"
  http_host = "127.0.0.1"
  http_file_share_size_limit = 100*1024*1024
  http_file_share_daily_quota = 10*1024*1024*1024
  -- http_file_share_access stays unset: every local host, components included, may ask for slots

Component "@NAME_COMPONENT_MATRIX@"
  component_secret = "@SECRET_COMPONENT@"

Component "@NAME_COMPONENT_MAIL@"
  component_secret = "@SECRET_COMPONENT@"

Component "@NAME_STRANGER@"
  component_secret = "@SECRET_COMPONENT@"

// Package archive has people with old and with new clients write to each other while some of them archive: what each client
// shows its user is every message once.
package archive

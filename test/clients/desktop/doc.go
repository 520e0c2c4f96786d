// Package desktop has clients with windows use the demo on a virtual screen: Gajim, Dino and Psi+, and Dino and profanity in a
// chat that they encrypt. `make clients` runs it, as root, in a network of its own (drivers/namespace.sh), because Dino knows no
// port but 5222. It is behind a build tag: typing into windows takes a quiet machine. PROTOKOLL_SCREENS is a folder for
// screenshots. A missing client fails.
package desktop

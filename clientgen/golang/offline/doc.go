// Package offline is what every Doorstep client stands on at run time: a store on disk that holds what the
// server's feeds say, an outbox that holds what a person did, files on their way to the object store, and the
// loop that brings both sides together whenever there is a network. It knows no ticket: entities are bytes with a
// kind and an id, mutations are bytes with a kind. docs/PROTOCOL.md is the contract that it follows.
//
// What an application may rely on:
//
//   - Do returns after the mutation is on disk (synchronous=FULL). Nothing but a verdict of the server ends its
//     being unsent, and no call of this package throws unsent work away: Logout refuses.
//   - Read shows one consistent state: what the server had said at the last checkpoint, with the effects of all
//     mutations on top that this state does not contain yet. An effect disappears in the very step in which the
//     state that contains it is shown.
//   - A page of changes that is not complete is never shown; after a crash the transfer goes on where it was.
//   - All methods may be called from several goroutines. Several programs may open one folder: each saves what is
//     done in it, and only one at a time does a round with the server or renews the tokens.
package offline

package offline

// Salvage is salvage, without the seconds that a box's passphrase costs.
var Salvage = salvage

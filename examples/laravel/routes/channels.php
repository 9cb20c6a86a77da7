<?php

use Illuminate\Support\Facades\Broadcast;

// Who may be in a room. For a private channel true is enough; on a presence
// channel the others see what is returned.
Broadcast::channel('rooms.{room}', function ($user, string $room) {
    return ['id' => $user->id, 'name' => $user->name];
});

Broadcast::channel('App.Models.User.{id}', function ($user, $id) {
    return (int) $user->id === (int) $id;
});

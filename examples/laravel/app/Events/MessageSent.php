<?php

namespace App\Events;

use Illuminate\Broadcasting\Channel;
use Illuminate\Broadcasting\InteractsWithSockets;
use Illuminate\Broadcasting\PresenceChannel;
use Illuminate\Contracts\Broadcasting\ShouldBroadcast;

/** Goes to everybody in the room. A queue worker sends it. */
class MessageSent implements ShouldBroadcast
{
    use InteractsWithSockets; // for toOthers()

    public function __construct(
        private string $room,
        private string $author,
        private string $text,
    ) {}

    /** @return array<int, Channel> */
    public function broadcastOn(): array
    {
        return [new PresenceChannel('rooms.'.$this->room)];
    }

    /** @return array<string, string> */
    public function broadcastWith(): array
    {
        return ['author' => $this->author, 'text' => $this->text];
    }
}

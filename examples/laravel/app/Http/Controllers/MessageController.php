<?php

namespace App\Http\Controllers;

use App\Events\MessageSent;
use Illuminate\Http\Request;
use Illuminate\Http\Response;

class MessageController
{
    public function __invoke(Request $request, string $room): Response
    {
        $message = $request->validate(['text' => ['required', 'string', 'max:2000']]);

        // Not to the page that sends: it shows its own message. Its request says who
        // it is in the header X-Socket-ID, which axios gets from Echo by itself.
        broadcast(new MessageSent($room, $request->user()->name, $message['text']))->toOthers();

        return response()->noContent();
    }
}

<?php

namespace App\Http\Controllers;

use Illuminate\Http\Request;
use Illuminate\Http\Response;
use Illuminate\Support\Facades\Log;

/** Takes the webhooks of fanfare. */
class RealtimeWebhookController
{
    public function __invoke(Request $request): Response
    {
        $app = config('broadcasting.connections.'.config('broadcasting.default'));
        $signature = hash_hmac('sha256', $request->getContent(), $app['secret']);

        abort_unless(
            hash_equals((string) $app['key'], (string) $request->header('X-Pusher-Key'))
            && hash_equals($signature, (string) $request->header('X-Pusher-Signature')),
            401,
        );

        // An event may come again when the answer to it was lost.
        foreach ($request->json('events', []) as $event) {
            match ($event['name']) {
                'channel_occupied', 'channel_vacated' => Log::info($event['name'], ['channel' => $event['channel']]),
                'member_added', 'member_removed' => Log::info($event['name'], ['channel' => $event['channel'], 'user' => $event['user_id']]),
                default => null,
            };
        }

        return response()->noContent();
    }
}

<?php

use App\Http\Controllers\MessageController;
use App\Http\Controllers\RealtimeWebhookController;
use Illuminate\Support\Facades\Route;

Route::post('/rooms/{room}/messages', MessageController::class)->middleware('auth');

// Signed by fanfare and not by a session: except it from CSRF in bootstrap/app.php,
//     $middleware->validateCsrfTokens(except: ['hooks/realtime']);
Route::post('/hooks/realtime', RealtimeWebhookController::class);

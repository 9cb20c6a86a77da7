# Gemfile: gem "pusher". Routes: post "pusher/auth", to: "realtime#authorize"; post "orders", to: "realtime#create"
FANFARE = Pusher::Client.new(
  app_id: ENV.fetch("PUSHER_APP_ID"),
  key: ENV.fetch("PUSHER_APP_KEY"),
  secret: ENV.fetch("PUSHER_APP_SECRET"),
  host: ENV.fetch("PUSHER_HOST", "localhost"),
  port: ENV.fetch("PUSHER_PORT", "6001").to_i,
  use_tls: ENV.fetch("PUSHER_SCHEME", "http") == "https" # the gem uses TLS unless this is false; it ignores a scheme option
)

class RealtimeController < ApplicationController
  # Rails requires its CSRF token: set in pusher-js channelAuthorization.headers {"X-CSRF-Token": …}.
  def authorize
    channel, socket_id = params.values_at(:channel_name, :socket_id)
    return head :forbidden unless current_user && %w[private-orders presence-room].include?(channel)

    member = { user_id: current_user.id.to_s, user_info: { name: current_user.name } } if channel.start_with?("presence-")
    render json: FANFARE.authenticate(channel, socket_id, member)
  end

  def create
    FANFARE.trigger("private-orders", "created", { text: params.require(:text) })
    render json: { ok: true }
  end
end

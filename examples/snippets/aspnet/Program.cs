// dotnet add package PusherServer
using PusherServer;

var builder = WebApplication.CreateBuilder(args);
var app = builder.Build();
var settings = app.Configuration;

var fanfare = new Pusher(settings["PUSHER_APP_ID"], settings["PUSHER_APP_KEY"], settings["PUSHER_APP_SECRET"], new PusherOptions
{
    HostName = settings["PUSHER_HOST"] ?? "localhost",
    Port = int.Parse(settings["PUSHER_PORT"] ?? "6001"),
    Encrypted = settings["PUSHER_SCHEME"] == "https",
});

app.MapPost("/pusher/auth", async (HttpRequest request) =>
{
    var form = await request.ReadFormAsync();
    string channel = form["channel_name"].ToString(), socketId = form["socket_id"].ToString();
    var user = new PresenceChannelData { user_id = "1", user_info = new { name = "Ann" } }; // replace with your log-in
    return channel switch
    {
        "private-orders" => Results.Content(fanfare.AuthorizeChannel(channel, socketId).ToJson(), "application/json"),
        "presence-room" => Results.Content(fanfare.AuthorizeChannel(channel, socketId, user).ToJson(), "application/json"),
        _ => Results.StatusCode(403),
    };
});

app.MapPost("/orders", async (Order order) =>
{
    await fanfare.TriggerAsync("private-orders", "created", new { text = order.Text });
    return new { ok = true };
});

app.Run();

record Order(string Text);

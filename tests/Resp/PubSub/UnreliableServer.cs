using System.Globalization;
using static Sluice.Resp.Tests.PubSub.Pushes;

namespace Sluice.Resp.Tests.PubSub;

/// <summary>
/// A server that keeps to the protocol and to nothing else: it ends subscriptions unasked, closes connections in the middle of what it says, and refuses names that begin with "refused". It numbers
/// the messages of each name, whether anybody hears them or not.
/// </summary>
internal sealed class UnreliableServer(ScriptedServer script, int seed) : IAsyncDisposable
{
    private readonly Random _random = new(seed);
    private readonly SemaphoreSlim _turn = new(1);
    private readonly Dictionary<string, long> _published = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _end = new();
    private HashSet<string> _subscribed = [];
    private ScriptedSession? _session;
    private Task _serving = Task.CompletedTask;

    /// <summary>No faults any more.</summary>
    public bool IsCalm { get; set; }

    public int Cuts { get; private set; }

    public int Evictions { get; private set; }

    /// <summary>What the connection that lives now is subscribed to, kinds as s, p and S.</summary>
    public async Task<string[]> SubscribedAsync()
    {
        await _turn.WaitAsync();
        string[] names = [.. _subscribed.Order(StringComparer.Ordinal)];
        _turn.Release();
        return names;
    }

    public void Start() => _serving = Task.Run(ServeAsync);

    /// <summary>The number of the last message of a name.</summary>
    public async Task<long> LastAsync(string name)
    {
        await _turn.WaitAsync();
        long last = _published.GetValueOrDefault(name);
        _turn.Release();
        return last;
    }

    /// <summary>Publishes the next message of a channel.</summary>
    public async Task PublishAsync(string name)
    {
        await _turn.WaitAsync();
        try
        {
            long number = _published[name] = _published.GetValueOrDefault(name) + 1;
            if (_subscribed.Contains(name))
                await SayAsync(Push(name[0] == 'S' ? "smessage" : "message", name, number.ToString(CultureInfo.InvariantCulture)));
            if (!IsCalm && _subscribed.Count != 0 && _random.Next(50) == 0)
            {
                string victim = _subscribed.ElementAt(_random.Next(_subscribed.Count));
                _subscribed.Remove(victim);
                Evictions++;
                await SayAsync(Confirm(victim[0] == 'S' ? "sunsubscribe" : "unsubscribe", victim));
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _serving;
        _turn.Dispose();
        _end.Dispose();
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                ScriptedSession session = await script.AcceptAsync(_end.Token);
                await _turn.WaitAsync(_end.Token);
                (_session, _subscribed) = (session, []);
                _turn.Release();
                while (await session.NextAsync(_end.Token) is { } command)
                {
                    await _turn.WaitAsync(_end.Token);
                    if (ReferenceEquals(_session, session))
                        await SayAsync(Answer(command));
                    bool isOver = !ReferenceEquals(_session, session);
                    _turn.Release();
                    if (isOver)
                        break;
                }
            }
        }
        catch (OperationCanceledException) when (_end.IsCancellationRequested)
        {
            // The end of the test.
        }
    }

    private string Answer(string command)
    {
        string[] words = command.Split(' ');
        switch (words[0])
        {
            case "PING":
                return Pong;
            case "SUBSCRIBE" or "SSUBSCRIBE" when words[1].Contains("refused", StringComparison.Ordinal):
                return "-NOPERM No permissions to access a channel\r\n";
            case "SUBSCRIBE" or "SSUBSCRIBE":
                _subscribed.Add(words[1]);
                break;
            default:
                _subscribed.Remove(words[1]);
                break;
        }

        return Confirm(words[0].ToLowerInvariant(), words[1], _random.Next());
    }

    private async Task SayAsync(string bytes)
    {
        if (_session is not { } session)
            return;
        if (IsCalm || _random.Next(100) != 0)
        {
            await session.SendAsync(bytes);
            return;
        }

        await session.SendAsync(bytes[.._random.Next(bytes.Length)]);
        session.Close();
        Cuts++;
        (_session, _subscribed) = (null, []);
    }
}

using System.Collections.Immutable;
using System.Globalization;
using Sluice.Resp;

namespace Sluice.Creators;

/// <summary>Callers of one key, and a creator that ends when it is told to, or by itself.</summary>
/// <remarks>
/// <code>
/// call N            N callers at once; "answered V1xN1 V2xN2 ...; N errors" when all have their answers
/// keep-calling N    again and again, until "stop"; creations end by themselves, and are "created TOKEN FROM TO" (times in ticks)
/// stop              ends that; "answered ..." over all of it
/// create V          the creation that runs ends with this value
/// write V           the creation that runs writes to the store itself, with its fencing token: "taken" or "refused"
/// </code>
/// A creation says "creating TOKEN" when it begins and "cancelled" when it is asked to stop, which it does not hear.
/// </remarks>
internal sealed class CreatorProcess : IAsyncDisposable
{
    private const string Key = "key";

    private readonly SluiceEngine _engine;
    private readonly RespClient _client;
    private readonly RedisDogpileStore _store;
    private readonly DogpileEntryOptions _options;
    private readonly Answers _answers = new();
    private readonly CancellationTokenSource _stopping = new();
    private TaskCompletionSource<string> _outcome = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _token;
    private Task _calling = Task.CompletedTask;

    private CreatorProcess(SluiceEngine engine, RespClient client, RedisDogpileStore store, TimeSpan expiry) =>
        (_engine, _client, _store, _options) = (engine, client, store, new DogpileEntryOptions { Expiry = expiry });

    public static async Task<CreatorProcess> StartAsync(string url, string prefix, TimeSpan heartbeat, TimeSpan expiry)
    {
        RespClient client = await RespClient.ConnectAsync(RespClientOptions.Parse(url));
        RedisDogpileStore store = new(client, new RedisDogpileStoreOptions { Prefix = prefix });
        SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions
        {
            Redis = { url },
            Prefix = prefix,
            Partitions = 4,
            CreationHeartbeat = heartbeat,
            Dogpile = new DogpileCacheOptions { Store = store },
        });
        return new CreatorProcess(engine, client, store, expiry);
    }

    public async Task ObeyAsync(string[] command)
    {
        switch (command)
        {
            case ["call", string callers]:
                _calling = CallAsync(int.Parse(callers, CultureInfo.InvariantCulture));
                break;
            case ["keep-calling", string callers]:
                _calling = KeepCallingAsync(int.Parse(callers, CultureInfo.InvariantCulture));
                break;
            case ["stop"]:
                await _stopping.CancelAsync();
                await _calling;
                break;
            case ["create", string value]:
                _outcome.SetResult(value);
                break;
            case ["write", string value]:
                Say(await WriteAsync(value) ? "taken" : "refused");
                break;
            default:
                throw new ArgumentException($"There is no command '{string.Join(' ', command)}'.", nameof(command));
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _engine.DisposeAsync();
        await _store.DisposeAsync();
        await _client.DisposeAsync();
        _stopping.Dispose();
    }

    private static void Say(string line) => Console.Out.WriteLine(line);

    private async Task CallAsync(int callers)
    {
        await Task.WhenAll(Enumerable.Range(0, callers).Select(_ => Task.Run(() => _answers.AddAsync(_engine.Dogpile.GetOrCreateAsync(Key, this, static (self, creation, token) => self.CreateWhenToldAsync(creation, token), _options)))));
        Say(_answers.Take());
    }

    private async Task KeepCallingAsync(int callers)
    {
        while (!_stopping.IsCancellationRequested)
        {
            await Task.WhenAll(Enumerable.Range(0, callers).Select(_ => Task.Run(() => _answers.AddAsync(_engine.Dogpile.GetOrCreateAsync(Key, this, static (_, creation, token) => CreateAsync(creation, token), _options)))));
            await Task.Delay(10);
        }

        Say(_answers.Take());
    }

    private async ValueTask<string> CreateWhenToldAsync(DogpileCreation creation, CancellationToken token)
    {
        _outcome = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        _token = creation.FencingToken;
        await using CancellationTokenRegistration cancelled = token.Register(static () => Say("cancelled"));
        Say($"creating {creation.FencingToken}");
        return await _outcome.Task;
    }

    private static async ValueTask<string> CreateAsync(DogpileCreation creation, CancellationToken token)
    {
        long from = DateTime.UtcNow.Ticks;
        await Task.Delay(50, token); // a slow query
        Say(string.Create(CultureInfo.InvariantCulture, $"created {creation.FencingToken} {from} {DateTime.UtcNow.Ticks}"));
        return creation.FencingToken.ToString(CultureInfo.InvariantCulture);
    }

    private ValueTask<bool> WriteAsync(string value)
    {
        DateTimeOffset now = DateTimeOffset.UtcNow;
        return _store.SetAsync($"dogpile:v:{Key}", new StoredValue(System.Text.Encoding.UTF8.GetBytes(value), now, now, null, _token, ImmutableArray<string>.Empty), CancellationToken.None);
    }
}

using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Sluice.Resp;

namespace Sluice.Samples.Purchases;

/// <summary>
/// A consumer of a Redis stream. Any number of them may share a group. Each acknowledges what its engine's coordinator has, and takes over what others have not acknowledged for a while.
/// </summary>
internal sealed partial class StreamConsumer(
    ISluiceEngine engine, IAggregator<string, CustomerSpending, CustomerSpending.Event> spending, LossGuard guard, IOptions<StreamOptions> options, ILogger<StreamConsumer> logger) : BackgroundService
{
    private const int BatchSize = 500;
    private const string Begin = "0-0";

    private readonly StreamOptions _options = options.Value;
    private readonly HashSet<StreamId> _here = [];
    private long _settled;
    private long _nextRound;
    private string? _cursor;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await using RespClient client = RespClient.Create(RespClientOptions.Parse(_options.Server));
        PurchaseStream stream = new(client, _options);
        using Intake<StreamId> intake = new(engine, spending, guard, $"{_options.Stream}/{_options.Group}");
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await stream.CreateGroupAsync(stoppingToken);
                while (!stoppingToken.IsCancellationRequested)
                    await ConsumeNextAsync(stream, intake, stoppingToken);
            }
            catch (RespException fault) when (!stoppingToken.IsCancellationRequested)
            {
                // What is in flight stays so, and is acknowledged when the server is back.
                LogFault(logger, fault, _options.Stream);
                await Task.Delay(TimeSpan.FromSeconds(1), stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                break;
            }
        }

        await FinishAsync(stream, intake);
    }

    /// <summary>The end in order leaves nothing to deliver again.</summary>
    private async Task FinishAsync(PurchaseStream stream, Intake<StreamId> intake)
    {
        try
        {
            await intake.FlushAsync(CancellationToken.None);
            await AcknowledgeAsync(stream, intake);
        }
        catch (RespException fault)
        {
            LogFault(logger, fault, _options.Stream);
        }
    }

    private async Task ConsumeNextAsync(PurchaseStream stream, Intake<StreamId> intake, CancellationToken stopping)
    {
        int room = Math.Min(_options.MaxInFlight - intake.InFlight, BatchSize);
        if (room <= 0)
        {
            await intake.FlushAsync(stopping);
        }
        else if (await ClaimNextAsync(stream, room, stopping) is { } left)
        {
            await MergeAsync(intake, left);
        }
        else
        {
            await MergeAsync(intake, await stream.ReadNewAsync(room));
        }

        await AcknowledgeAsync(stream, intake);
    }

    /// <summary>The next of what others have left; null between two rounds. The first round is at the start: what one process leaves, the next finds.</summary>
    private async ValueTask<List<StreamEntry>?> ClaimNextAsync(PurchaseStream stream, int count, CancellationToken stopping)
    {
        if (_cursor is null && Environment.TickCount64 < _nextRound)
            return null;
        (string cursor, List<StreamEntry> entries) = await stream.ClaimAsync(_cursor ?? Begin, count, stopping);
        _cursor = cursor == Begin ? null : cursor;
        if (_cursor is null)
            _nextRound = Environment.TickCount64 + (long)(_options.ClaimAfter.TotalMilliseconds / 2);
        return entries.Count == 0 && _cursor is null ? null : entries;
    }

    /// <summary>Not called off in the middle: what has been read is merged.</summary>
    private async Task MergeAsync(Intake<StreamId> intake, List<StreamEntry> entries)
    {
        foreach ((StreamId id, Purchase? purchase) in entries)
        {
            // A round also finds what is in flight here for long. Merging it again would do no harm but work, and its receipt is kept already.
            if (!_here.Add(id))
                continue;
            if (purchase is null)
                LogUnreadable(logger, id, _options.Stream);

            // What can't be read is acknowledged in its turn, or it would come for ever. The stream keeps it.
            if (purchase is { } read)
                await intake.MergeAsync(read, id, _settled);
            else
                intake.Skip(id);
        }
    }

    private Task AcknowledgeAsync(PurchaseStream stream, Intake<StreamId> intake) => intake.AcknowledgeAsync(async done =>
    {
        await stream.AcknowledgeAsync(done);
        _here.ExceptWith(done);

        // Of the whole group: what is older than the oldest that anybody has not acknowledged is with the coordinator, whoever merged it.
        if (await stream.OldestPendingAsync() is { } oldest)
            _settled = Math.Max(_settled, oldest.Position - 1);
    });

    [LoggerMessage(1, LogLevel.Warning, "The stream {Stream} can't be read or acknowledged now; what is in flight is kept.")]
    private static partial void LogFault(ILogger logger, Exception fault, string stream);

    [LoggerMessage(2, LogLevel.Error, "Entry {Id} of {Stream} is no purchase; it is not counted.")]
    private static partial void LogUnreadable(ILogger logger, StreamId id, string stream);
}

using System.Collections.Concurrent;
using System.Globalization;

namespace Sluice.Resp.Tests.Recorded;

/// <summary>One caller of a client: singles, scripts, batches, transactions and blocking pops, in random turns; some with a deadline or a token that comes too early.</summary>
/// <param name="record">Where its commands are numbered.</param>
/// <param name="client">Through which network the commands go.</param>
/// <param name="direct">The same server without that network.</param>
/// <param name="run">Part of the names of keys.</param>
/// <param name="damages">The network changes bytes: only what is told from another command's although it is damaged.</param>
/// <param name="pops">The numbers of blocking pops.</param>
/// <param name="transactions">First number and count of each transaction.</param>
internal sealed class RecordedCaller(
    CommandRecord record, RespClient client, RespClient direct, string run, bool damages, ConcurrentBag<int> pops, ConcurrentBag<(int First, int Count)> transactions, Random random)
{
    /// <summary>Logs, so that keys of one batch go to several connections.</summary>
    public const int Logs = 4;

    private const int MostOfAWindow = 8;
    private const int MostOfAList = 12;

    private static readonly Script Log = new("redis.call('SETBIT', KEYS[1], ARGV[1], 1) return ARGV[2]", "log");

    public static string BitsOf(string run, int number) => string.Create(CultureInfo.InvariantCulture, $"{run}:bits{number % Logs}");

    public static string NumbersOf(string run, int number) => string.Create(CultureInfo.InvariantCulture, $"{run}:numbers{number % Logs}");

    public static string ListOf(string run, int number) => string.Create(CultureInfo.InvariantCulture, $"{run}:pop{number}");

    /// <summary>Works until the numbers are used up.</summary>
    public async Task WorkAsync(CancellationToken cancellationToken)
    {
        List<Task> window = [];
        bool goesOn = true;
        while (goesOn && !cancellationToken.IsCancellationRequested)
        {
            window.Clear();
            for (int i = random.Next(1, MostOfAWindow + 1); i > 0 && goesOn; i--)
                goesOn = TryBegin(window);
            await Task.WhenAll(window);
        }
    }

    private bool TryBegin(List<Task> window)
    {
        int kind = damages ? 0 : random.Next(1000);
        int count = kind < 900 ? 1 : random.Next(1, MostOfAList + 1);
        if (kind is >= 890 and < 900)
            count = 1;
        if (!record.TryTake(count, out int first))
            return false;
        Terms terms = new(random.Next(2000));
        window.Add(kind switch
        {
            < 450 => ScriptAsync(first, terms),
            < 890 => SingleAsync(first, terms),
            < 900 => PopAsync(first, terms),
            < 960 => BatchAsync(first, count, terms),
            _ => TransactionAsync(first, count, terms),
        });
        return true;
    }

    private async Task ScriptAsync(int number, Terms terms)
    {
        using (terms)
        {
            try
            {
                string? reply = await client.Command(Log, 1).Key(BitsOf(run, number)).Write(number).Write(CommandRecord.TextOf(number)).ToTextAsync(terms.Timeout, terms.Token);
                if (damages)
                    record.AnsweredPerhapsDamaged(number, reply);
                else
                    record.Answered(number, string.Equals(reply, CommandRecord.TextOf(number), StringComparison.Ordinal), reply);
            }
            catch (Exception failure)
            {
                record.Failed(number, failure, damages);
            }
        }
    }

    private async Task SingleAsync(int number, Terms terms)
    {
        using (terms)
        {
            try
            {
                long[]? reply = await client.Command("BITFIELD").Key(NumbersOf(run, number))
                    .Write("SET").Write("u32").Write($"#{number}").Write(CommandRecord.NumberOf(number)).Write("GET").Write("u32").Write($"#{number}")
                    .ToInt64ArrayAsync(terms.Timeout, terms.Token);
                record.Answered(number, IsOwn(reply, number), reply is null ? null : string.Join(' ', reply));
            }
            catch (Exception failure)
            {
                record.Failed(number, failure, damages);
            }
        }
    }

    private async Task PopAsync(int number, Terms terms)
    {
        using (terms)
        {
            pops.Add(number);
            await direct.Command("RPUSH").Key(ListOf(run, number)).Write(CommandRecord.TextOf(number)).ExecuteAsync(Timeout.InfiniteTimeSpan);
            try
            {
                using RespLease reply = await client.BlockingCommand("BLPOP").Key(ListOf(run, number)).Write(5).ToAsync(RespClient.ReadPopped, terms.Timeout, terms.Token);
                string? text = reply.IsNull ? null : System.Text.Encoding.UTF8.GetString(reply.Span);
                record.Answered(number, string.Equals(text, CommandRecord.TextOf(number), StringComparison.Ordinal), text);
            }
            catch (Exception failure)
            {
                record.Failed(number, failure, damages);
            }
        }
    }

    private async Task BatchAsync(int first, int count, Terms terms)
    {
        using (terms)
        {
            using RespBatch batch = client.CreateBatch();
            Fill(batch, first, count);
            Exception? failure = null;
            try
            {
                await batch.ExecuteAsync(terms.Timeout, terms.Token);
            }
            catch (Exception failed)
            {
                failure = failed;
            }

            Judge(batch, first, count, failure);
        }
    }

    private async Task TransactionAsync(int first, int count, Terms terms)
    {
        using (terms)
        {
            transactions.Add((first, count));
            using RespTransaction transaction = client.CreateTransaction();
            Fill(transaction, first, count);
            Exception? failure = null;
            try
            {
                if (!await transaction.ExecuteAsync(terms.Timeout, terms.Token))
                    record.Found("A transaction without watched keys did not run.");
            }
            catch (Exception failed)
            {
                failure = failed;
            }

            Judge(transaction, first, count, failure);
        }
    }

    private void Fill(RespCommandList list, int first, int count)
    {
        for (int number = first; number < first + count; number++)
        {
            if (number % 3 == 0)
            {
                RespListedCommand script = list.Command(Log, 1);
                script.Key(BitsOf(run, number)).Write(number).Write(CommandRecord.TextOf(number));
                script.Add();
            }
            else
            {
                RespListedCommand single = list.Command("BITFIELD");
                single.Key(NumbersOf(run, number)).Write("SET").Write("u32").Write($"#{number}").Write(CommandRecord.NumberOf(number)).Write("GET").Write("u32").Write($"#{number}");
                single.Add();
            }
        }
    }

    /// <summary>Each command of a list knows for itself: what came, came.</summary>
    private void Judge(RespCommandList list, int first, int count, Exception? failure)
    {
        for (int index = 0; index < count; index++)
        {
            int number = first + index;
            Exception? own = failure;
            try
            {
                RespReply reply = list[index];
                own = reply.Error;
                if (own is null && number % 3 == 0)
                {
                    string? text = reply.Reader.ReadString();
                    record.Answered(number, string.Equals(text, CommandRecord.TextOf(number), StringComparison.Ordinal), text);
                }
                else if (own is null)
                {
                    RespReader values = reply.Reader;
                    values.MoveNext();
                    values.MoveNext();
                    long value = values.ReadInt64();
                    record.Answered(number, value == CommandRecord.NumberOf(number), value);
                }
            }
            catch (InvalidOperationException) when (failure is not null)
            {
                // It was called off before it was executed.
                own = failure;
            }

            if (own is not null)
                record.Failed(number, own, damages);
        }
    }

    private static bool IsOwn(long[]? reply, int number) => reply is [0, var value] && value == CommandRecord.NumberOf(number);

    /// <summary>How long a command may take and who calls it off: mostly long, and nobody.</summary>
    private sealed class Terms : IDisposable
    {
        private readonly CancellationTokenSource? _source;

        /// <param name="dice">0 to 1999.</param>
        public Terms(int dice)
        {
            _source = dice < 20 ? new CancellationTokenSource(TimeSpan.FromMilliseconds(dice / 4)) : null;
            Timeout = TimeSpan.FromMilliseconds(dice is >= 20 and < 40 ? dice - 19 : 20_000);
        }

        public TimeSpan Timeout { get; }

        public CancellationToken Token => _source?.Token ?? CancellationToken.None;

        public void Dispose() => _source?.Dispose();
    }
}

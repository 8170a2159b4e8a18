using System.CommandLine;
using System.Runtime.InteropServices;
using Sluice.Cli.Arguments;
using Sluice.Cli.Input;
using Sluice.Cli.Output;
using Sluice.Cli.Redis;
using Sluice.Cli.Report;
using Sluice.Cli.Sample;
using Sluice.Cli.Sessions;
using Sluice.Cli.Workers;
using Spectre.Console;

namespace Sluice.Cli.Commands;

/// <summary><c>sluice ingest</c>: an access log becomes one record per visitor session.</summary>
internal sealed class IngestCommand
{
    private const int MaxWorkers = 256;
    private const int MaxCapacity = 50_000_000;

    private readonly Argument<string[]> _files = new("FILE")
    {
        Description = "Access logs, plain or gzip; - is standard input",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly Option<bool> _sample = new("--sample") { Description = "Read a made-up access log instead of a FILE" };
    private readonly ToolOption<long> _seed = SampleCommand.Seed();
    private readonly ToolOption<long> _lines = SampleCommand.Lines();
    private readonly ToolOption<string> _format = ToolOptions.Choice("--format", "combined is Apache's and nginx's, also without referrer and agent; json is one object per line", "combined", "json");
    private readonly ToolOption<string?> _map = ToolOptions.Text("--map", "FIELD=PROPERTY,...", $"Where JSON has what: {JsonFieldMap.FieldNames}; PROPERTY may be dotted [default: the usual names]");
    private readonly ToolOption<string?> _key = ToolOptions.Text("--key", "FIELD", $"What sessions are kept by: {KeyFields.Names}, or with --format json any property", "client");
    private readonly ToolOption<Limit> _soft = ToolOptions.Duration("--soft", "A session ends so long after its last line", new Limit(TimeSpan.FromMinutes(30)));
    private readonly ToolOption<Limit> _hard = ToolOptions.Duration("--hard", "A session ends so long after its first line", default);
    private readonly ToolOption<long> _capacity = ToolOptions.Count("--capacity", "Sessions in a worker's memory; when they are more, the one idle longest ends", 100_000, 1, MaxCapacity);
    private readonly ToolOption<long> _workers = ToolOptions.Count("--workers", "Engines that share the coordinator, processes of their own with --coordinator; lines are dealt to them in turn", 1, 1, MaxWorkers);
    private readonly ToolOption<string?> _coordinator = RedisTarget.Option("--coordinator", "Share the work among processes through Redis servers");
    private readonly ToolOption<string?> _prefix = ToolOptions.Text("--prefix", "NAME", "With --coordinator: what keeps this run's keys apart from others [default: a new one, removed at the end]");
    private readonly ToolOption<Limit> _lease = ToolOptions.Duration("--lease", "With --coordinator: how long a worker that died keeps what it holds", new Limit(TimeSpan.FromSeconds(10)));
    private readonly ToolOption<string?> _trace = new("--trace", null) { Hidden = true };
    private readonly ToolOption<string> _clock = ToolOptions.Choice("--clock", "What ends sessions: the time in the log, or real time for a log that is still written", "log", "wall");
    private readonly ToolOption<string?> _out = ToolOptions.Text("--out", "FILE|-", "Where completed sessions go, one JSON line each", "-");
    private readonly Option<bool> _quiet = new("--quiet") { Description = "Neither progress nor summary; problems are still reported" };

    private readonly Func<int, IVisitEngines> _engines;

    private IngestCommand(Func<int, IVisitEngines> engines)
    {
        _engines = engines;
        _coordinator.Aliases.Add("--redis");
    }

    /// <summary>Makes the command.</summary>
    /// <param name="engines">Makes the coordinator for a number of engines.</param>
    public static Command Create(Func<int, IVisitEngines> engines)
    {
        IngestCommand ingest = new(engines);
        Command command = new("ingest", "Turn access logs into one JSON record per visitor session.")
        {
            ingest._files, ingest._sample, ingest._seed, ingest._lines, ingest._format, ingest._map, ingest._key, ingest._soft, ingest._hard,
            ingest._capacity, ingest._workers, ingest._coordinator, ingest._prefix, ingest._lease, ingest._trace, ingest._clock, ingest._out, ingest._quiet,
        };
        command.SetAction((parse, _) => ingest.RunAsync(parse));
        return command;
    }

    private async Task<int> RunAsync(ParseResult parse)
    {
        IAnsiConsole console = Terminal.Create(Console.Error);
        try
        {
            IngestOptions options = Bind(parse);
            FleetOptions? fleet = BindFleet(parse, options);
            using VisitOutput output = OpenOutput(OutputOf(parse));
            IngestResult result = await RunAsync(console, options, fleet, output, Progresses(parse)).ConfigureAwait(false);
            IngestSummary summary = new(console, options, result);
            if (!parse.GetValue(_quiet))
                summary.Write();
            summary.WriteProblems();
            return result.ExitCode;
        }
        catch (BadArgumentException e)
        {
            Terminal.Complain(console, e.Message);
            return ExitCode.BadArguments;
        }
        catch (ToolFailureException e)
        {
            Terminal.Complain(console, e.Message);
            return e.ExitCode;
        }
    }

    private async Task<IngestResult> RunAsync(IAnsiConsole console, IngestOptions options, FleetOptions? fleet, VisitOutput output, bool progress)
    {
        using CancellationTokenSource stop = new();

        // The first signal stops reading, the second one the process.
        void OnSignal(PosixSignalContext context)
        {
            context.Cancel = !stop.IsCancellationRequested;
            stop.Cancel();
        }

        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
        if (fleet is null)
        {
            IVisitEngines engines = _engines(options.Workers);
            await using (engines.ConfigureAwait(false))
                return await RunAsync(console, options, new InProcessCrew(engines, options.Engine, options.Workers), output, progress, stop.Token).ConfigureAwait(false);
        }

        SpawnedRedisServer? server = null;
        try
        {
            if (fleet.Servers is [RedisTarget.Spawn])
            {
                server = await SpawnedRedisServer.StartAsync(stop.Token).ConfigureAwait(false);
                fleet = fleet with { Servers = [server.Url] };
            }

            return await RunAsync(console, options, new WorkerFleet(fleet), output, progress, stop.Token).ConfigureAwait(false);
        }
        finally
        {
            if (server is not null)
                await server.DisposeAsync().ConfigureAwait(false);
        }
    }

    private static async Task<IngestResult> RunAsync(
        IAnsiConsole console, IngestOptions options, IVisitCrew crew, VisitOutput output, bool progress, CancellationToken stop)
    {
        await using (crew.ConfigureAwait(false))
        {
            IngestCounters counters = new();
            IngestRun run = new(options, crew, output, counters);
            Task<IngestResult> running = Task.Run(() => run.RunAsync(stop), CancellationToken.None);
            if (progress)
                await IngestProgress.ShowAsync(console, counters, TotalLength(options.Inputs), running).ConfigureAwait(false);
            return await running.ConfigureAwait(false);
        }
    }

    // Sessions that scroll by on the same terminal are progress enough.
    private bool Progresses(ParseResult parse) =>
        !parse.GetValue(_quiet) && !Console.IsErrorRedirected && !(OutputOf(parse) == "-" && !Console.IsOutputRedirected);

    private string OutputOf(ParseResult parse) => _out.Of(parse) ?? "-";

    private static long? TotalLength(IReadOnlyList<LogInput> inputs) =>
        inputs.Any(static input => input.Length is null) ? null : inputs.Sum(static input => input.Length ?? 0);

    private static VisitOutput OpenOutput(string path)
    {
        if (path == "-")
            return VisitOutput.ToStream(StandardOutput.Open(), TimeSpan.FromMilliseconds(250));
        try
        {
            return VisitOutput.ToFile(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new BadArgumentException($"--out '{path}' cannot be written: {e.Message}");
        }
    }

    private IngestOptions Bind(ParseResult parse)
    {
        string[] files = parse.GetValue(_files) ?? [];
        bool json = _format.Of(parse) == "json";
        (KeyField key, string? customKey) = BindKey(_key.Of(parse) ?? "client", json);
        Func<LogParser> createParser = static () => new CombinedLogParser();
        if (json)
        {
            JsonFieldMap map = JsonFieldMap.TryParse(_map.Of(parse), customKey, out string? error)
                ?? throw new BadArgumentException($"--map '{_map.Of(parse)}' is not valid: {error}");
            createParser = () => new JsonLogParser(map);
        }
        else if (_map.Of(parse) is { } text)
        {
            throw new BadArgumentException($"--map '{text}' needs --format json: the combined format has fixed fields");
        }

        return new IngestOptions
        {
            Inputs = BindInputs(parse, files),
            Output = OutputOf(parse) == "-" ? "standard output" : OutputOf(parse),
            CreateParser = createParser,
            Key = key,
            Workers = (int)_workers.Of(parse),
            TimeUnitTicks = json ? TimeSpan.TicksPerMillisecond : TimeSpan.TicksPerSecond,
            Engine = new VisitEngineOptions(_soft.Of(parse).Span, _hard.Of(parse).Span, (int)_capacity.Of(parse), _clock.Of(parse) == "log"),
        };
    }

    private FleetOptions? BindFleet(ParseResult parse, IngestOptions options)
    {
        // The variable alone does not make a run a shared one: who reads a log wants no server.
        if (_coordinator.Of(parse) is not { } coordinator)
        {
            foreach (Option option in (Option[])[_prefix, _lease, _trace])
            {
                if (parse.GetResult(option) is not null)
                    throw new BadArgumentException($"{option.Name} needs --coordinator: without it everything happens in one process");
            }

            return null;
        }

        string? prefix = _prefix.Of(parse);
        return new FleetOptions
        {
            Workers = options.Workers,
            Servers = RedisTarget.Parse("--coordinator", coordinator),
            Prefix = prefix is null ? $"ingest-{Guid.NewGuid():N}"[..15] : PrefixText.Check(prefix),
            OwnsPrefix = prefix is null,
            Partitions = SluiceVisitEngines.PartitionsFor(options.Engine.Capacity, options.Workers),
            Lease = LeaseText.Check(_lease.Of(parse)),
            Engine = options.Engine,
            Trace = _trace.Of(parse),
        };
    }

    private static (KeyField Key, string? Custom) BindKey(string name, bool json)
    {
        if (KeyFields.TryParse(name, out KeyField key))
            return (key, null);
        return json ? (KeyField.Custom, name) : throw new BadArgumentException($"--key '{name}' is not valid: the combined format has {KeyFields.Names}");
    }

    private LogInput[] BindInputs(ParseResult parse, string[] files)
    {
        if (parse.GetValue(_sample))
        {
            if (files.Length > 0)
                throw new BadArgumentException($"--sample makes its own log: leave out '{files[0]}', or leave out --sample");
            if (_format.Of(parse) == "json")
                throw new BadArgumentException("--sample makes a log in the combined format: leave out --format json");
            (ulong seed, long lines) = ((ulong)_seed.Of(parse), _lines.Of(parse));
            return [new LogInput("the sample", null, () => new SampleLog(seed, lines))];
        }

        foreach (ToolOption<long> option in new[] { _seed, _lines })
        {
            if (parse.GetResult(option) is not null)
                throw new BadArgumentException($"{option.Name} is for --sample only");
        }

        if (files.Length == 0)
        {
            if (!Console.IsInputRedirected)
                throw new BadArgumentException("no input: name a FILE, pipe a log into standard input, or try --sample");
            files = ["-"];
        }

        if (files.Count(static file => file == "-") > 1)
            throw new BadArgumentException("'-' is given twice: standard input can be read once");
        return Array.ConvertAll(files, static file => file == "-" ? LogInput.StandardInput() : LogInput.File(file));
    }
}

using Sluice.Bench.Running;
using Sluice.Bench.Scenarios.Commands;
using Sluice.Bench.Scenarios.Losses;

namespace Sluice.Bench.Scenarios;

/// <summary>The RESP client: many callers on one connection, beside the server's own load generator and a bare socket with the same bytes.</summary>
internal sealed class RespScenario : IScenario
{
    public const string BareSocket = "bare-socket";
    public const string RedisBenchmark = "redis-benchmark";

    /// <summary>Sixteen bytes.</summary>
    public const string Value = "0123456789abcdef";

    private const int Crowd = 512;

    // Half of the least that it did in many runs on the kind of machine that the targets were set on (430,000 commands, 170,000 scripts a second, 512 a batch).
    private const double SoundCommands = 215_000;
    private const double SoundScripts = 85_000;

    private static readonly int[] Callers = [1, 16, 64, Crowd, 4096];

    public string Name => "resp";

    public string Purpose => "the RESP client: 1 to 4096 callers on one connection; servers that are killed and paused";

    public IEnumerable<BenchCase> Cases(BenchOptions options)
    {
        IEnumerable<BenchCase> commands =
            from callers in Callers
            from command in new CommandUnderTest[] { new PingCommand(), new IncrementCommand(), new HashIncrementCommand(), new GetCommand(), new SetCommand(), new ScriptCommand() }
            select Case(command, callers, options);
        // Nobody's server but a private one is killed.
        IEnumerable<BenchCase> losses = options.Redis is null
            ? [Loss("restart-1", ServerLoss.Restart, 1), Loss("restart-4", ServerLoss.Restart, 4), Loss("restart-16", ServerLoss.Restart, 16, quick: true), Loss("pause-16", ServerLoss.Pause, 16, quick: true)]
            : [];
        return commands.Concat(losses);
    }

    // What is promised is a time and no ratio; the hardest of them are measured with --quick all the same.
    private static BenchCase Loss(string name, ServerLoss loss, int connections, bool quick = false) => new(name, 1, null, HasTarget: quick, () => [new LossVariant(loss, connections)]);

    private static BenchCase Case(CommandUnderTest command, int callers, BenchOptions options)
    {
        bool isScript = command is ScriptCommand;
        Target? throughput = (callers, isScript) switch
        {
            (Crowd, true) => Target.AtLeast(0.95),
            (Crowd, false) => Target.AtLeast(0.8),
            _ => null,
        };
        // A round trip of one caller has no batch to hide in: it is held against the least that a round trip takes. One command speaks for all there.
        bool isRoundTrip = callers == 1 && command is PingCommand;
        return new BenchCase($"{command.Name}-{callers}", 1, callers, HasTarget: throughput is not null || isRoundTrip, () =>
        {
            BenchServer server = new(options.Redis);
            double sound = callers < Crowd ? 0 : isScript ? SoundScripts : SoundCommands;
            Comparison toSocket = new(BareSocket, isRoundTrip ? Target.AtLeast(0.9) : callers == Crowd && !isScript ? new Target(Figure.Cpu, 5) : null);
            RedisBenchmarkVariant benchmark = new(command, callers, sound, server);
            // In a hurry, the time of a comparison without a target goes to the one that needs it.
            return options.Quick && isScript
                ? [new ClientVariant(command, callers, server, new Comparison(RedisBenchmark, throughput)), benchmark]
                : [new ClientVariant(command, callers, server, new Comparison(RedisBenchmark, throughput), toSocket), benchmark, new BareSocketVariant(command, callers, server)];
        })
        {
            // The server's own load generator varies by a fifth from run to run, and the target of scripts leaves a twentieth.
            TurnsOfAPair = callers == Crowd && isScript ? 3 : 1,
        };
    }
}

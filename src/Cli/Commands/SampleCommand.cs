using System.CommandLine;
using Sluice.Cli.Arguments;
using Sluice.Cli.Output;
using Sluice.Cli.Sample;

namespace Sluice.Cli.Commands;

/// <summary><c>sluice sample</c>: writes the log that <c>sluice ingest --sample</c> reads.</summary>
internal static class SampleCommand
{
    public static Command Create()
    {
        ToolOption<long> seed = Seed();
        ToolOption<long> lines = Lines();
        Command command = new("sample", "Write a made-up access log in the combined format to standard output. The same seed gives the same bytes.") { seed, lines };
        command.SetAction(async (parse, cancellation) =>
        {
            Stream output = StandardOutput.Open();
            await using (output.ConfigureAwait(false))
            {
                SampleLog log = new((ulong)seed.Of(parse), lines.Of(parse));
                await using (log.ConfigureAwait(false))
                {
                    try
                    {
                        await log.CopyToAsync(output, 64 * 1024, cancellation).ConfigureAwait(false);
                    }
                    catch (IOException)
                    {
                        // Whoever reads has had enough: sluice sample | head.
                    }
                }
            }

            return ExitCode.Success;
        });
        return command;
    }

    public static ToolOption<long> Seed() => ToolOptions.Count("--seed", "Seed of the sample log", SampleLog.DefaultSeed, 0, long.MaxValue);

    public static ToolOption<long> Lines() => ToolOptions.Count("--lines", "Lines of the sample log", SampleLog.DefaultLines, 1, 1_000_000_000_000);
}

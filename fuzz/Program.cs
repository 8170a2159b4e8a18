using System.Globalization;
using System.Runtime.InteropServices;
using Sluice.Fuzz.Coverage;
using Sluice.Fuzz.Engine;
using Sluice.Fuzz.Targets;
using Sluice.Resp.Tests.Protocol;

namespace Sluice.Fuzz;

/// <summary>The parts of <c>fuzz/run</c>; see README.md.</summary>
internal static class Program
{
    private const int Found = 1;
    private const int WrongCommandLine = 2;

    private static int Main(string[] arguments)
    {
        switch (arguments)
        {
            case ["instrument", var source, var destination]:
                int blocks = Instrumentation.Rewrite(source, destination, document => document.Replace('\\', '/').Contains("/Resp/Protocol/", StringComparison.Ordinal));
                Console.WriteLine($"{blocks} basic blocks report");
                return blocks > 0 ? 0 : WrongCommandLine;
            case ["fuzz", .. var rest]:
                return Fuzz(rest);
            case ["replay", _, ..]:
                return Replay(arguments[1..]);
            case ["salvage", var work]:
                string[] salvaged = [.. FuzzTarget.All().Select(target => target.Name).Where(target => Salvage(work, target))];
                return salvaged.Length == 0 ? 0 : Found;
            case ["afl", var name, var path] when FuzzTarget.All().FirstOrDefault(target => target.Name == name) is { } target:
                return AflForkServer.Serve(target, path);
            case ["distill", var destination, _, ..]:
                return Distill(destination, arguments[2..]);
            default:
                Console.Error.WriteLine("instrument SOURCE DESTINATION | fuzz [OPTIONS] | replay FILE... | distill DESTINATION FOLDER... | salvage WORK | afl TARGET INPUT");
                return WrongCommandLine;
        }
    }

    private static int Fuzz(string[] arguments)
    {
        Dictionary<string, string> options = new(StringComparer.Ordinal)
        {
            ["--target"] = "all",
            ["--minutes"] = "5",
            ["--executions"] = "0",
            ["--seed"] = "1",
            ["--max-length"] = "4096",
            ["--seeds"] = "fuzz/corpus",
            ["--work"] = "artifacts/fuzz",
            ["--stop-at-finding"] = "false",
        };
        for (int i = 0; i < arguments.Length; i += 2)
        {
            if (i + 1 == arguments.Length || !options.ContainsKey(arguments[i]))
            {
                Console.Error.WriteLine($"{arguments[i]} is unknown or lacks its value. Known: {string.Join(' ', options.Keys)}");
                return WrongCommandLine;
            }

            options[arguments[i]] = arguments[i + 1];
        }

        FuzzTarget[] targets = options["--target"] == PlantedTarget.TargetName
            ? [new PlantedTarget()]
            : [.. FuzzTarget.All(() => EdgeMap.Blocks).Where(target => options["--target"] is "all" || options["--target"] == target.Name)];
        if (targets.Length == 0)
        {
            Console.Error.WriteLine("No such target.");
            return WrongCommandLine;
        }

        foreach (FuzzTarget target in targets)
            Salvage(options["--work"], target.Name);
        long executions = long.Parse(options["--executions"], CultureInfo.InvariantCulture);
        FuzzOptions each = new(
            double.Parse(options["--minutes"], CultureInfo.InvariantCulture) * 60 / targets.Length,
            executions == 0 ? long.MaxValue : executions,
            ulong.Parse(options["--seed"], CultureInfo.InvariantCulture),
            int.Parse(options["--max-length"], CultureInfo.InvariantCulture),
            options["--seeds"].Split(',', StringSplitOptions.RemoveEmptyEntries),
            options["--work"],
            bool.Parse(options["--stop-at-finding"]));

        // Who is asked to stop ends between two inputs: otherwise the input of that moment would look like one that ended the process.
        using CancellationTokenSource stop = new();
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        int findings = targets.Sum(target => new FuzzLoop(target, each, Console.Out, stop.Token).Run());
        Console.WriteLine($"{findings} findings");
        return findings == 0 ? 0 : Found;

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stop.Cancel();
        }
    }

    // The input that ended the process becomes a finding like others.
    private static bool Salvage(string work, string target)
    {
        string current = CurrentInput.In(work, target);
        if (CurrentInput.Left(current) is not { } input)
            return false;
        string path = Findings.Write(Path.Combine(work, "findings"), target, "the process ended", "The process ended inside this input.", input);
        Console.WriteLine($"FINDING: the process ended inside {path}");
        File.Delete(current);
        return true;
    }

    private static int Replay(string[] files)
    {
        int failed = 0;
        foreach (string file in files)
        {
            byte[] input = File.ReadAllBytes(file);
            Console.WriteLine($"{file}: {Notation.Escape(input)}");
            foreach (FuzzTarget target in FuzzTarget.All(() => EdgeMap.Blocks))
            {
                try
                {
                    target.Run(input, thorough: true);
                    Console.WriteLine($"  {target.Name}: holds");
                }
                catch (Exception failure)
                {
                    // Whatever it is, it is what the user wants to see.
                    failed++;
                    Console.WriteLine($"  {target.Name}: {failure}");
                }
            }
        }

        return failed == 0 ? 0 : Found;
    }

    // The smallest inputs that together take every edge that any of them takes, on any target.
    private static int Distill(string destination, string[] folders)
    {
        Dictionary<string, byte[]> kept = new(StringComparer.Ordinal);
        List<int> taken = [];
        byte[][] inputs = [.. folders.SelectMany(folder => Directory.EnumerateFiles(folder)).Select(File.ReadAllBytes).OrderBy(bytes => bytes.Length).ThenBy(Convert.ToHexString, StringComparer.Ordinal)];
        foreach (FuzzTarget target in FuzzTarget.All())
        {
            Corpus corpus = new();
            SeenEdges seen = new();
            foreach (byte[] input in inputs)
            {
                EdgeMap.Clear();
                target.Run(input, thorough: false);
                SeenEdges.Classify(EdgeMap.Counters, taken);
                if (seen.Add(EdgeMap.Counters, taken))
                    corpus.Add(input, taken);
            }

            foreach (byte[] favourite in corpus.Favourites)
                kept[Findings.Hash(favourite)] = favourite;
            Console.WriteLine($"{target.Name}: {seen.Edges} edges");
        }

        Directory.CreateDirectory(destination);
        foreach ((string name, byte[] input) in kept)
            File.WriteAllBytes(Path.Combine(destination, name), input);
        Console.WriteLine($"{kept.Count} of {inputs.Length} inputs kept");
        return 0;
    }
}

package jobs_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"lastout/jobs"
)

// A program calls jobs.KeeperMain first thing in main; here TestMain does.
func Example() {
	result, err := jobs.Run(context.Background(), jobs.Job{
		Args:   []string{"sh", "-c", "sleep 300 & setsid sleep 300 & echo built"},
		Stdout: os.Stdout,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Success(), result.LeftoverCount)
	for _, l := range result.Leftovers {
		fmt.Println("ended", l.End)
	}
	// Output:
	// built
	// true 2
	// ended by the stop signal
	// ended by the stop signal
}
